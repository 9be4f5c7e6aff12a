"""The product as a process of its own, killed, frozen and cut off: what it must be afterwards (RELIABILITY §9)."""
