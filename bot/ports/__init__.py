"""What the use cases need from the world: one Protocol a role, and the values that cross it."""
