"""Many processes on PostgreSQL and Redis: whole installations of them, with faults in their middle."""
