"""What the demonstration brings along: an image, a forge and a repository."""
