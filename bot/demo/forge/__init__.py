"""A pretend GitHub: state in memory, bare repositories on disk, GitHub's rules checked strictly."""
