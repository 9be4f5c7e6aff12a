"""What every adapter of a forge needs: reading its JSON and its webhook calls, and pacing what it is asked."""
