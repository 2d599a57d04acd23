"""The real-time half: clock, transport, capture, scheduler, ledger, and their process."""
