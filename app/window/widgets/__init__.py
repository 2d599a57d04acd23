"""What the hands move and the eyes read: each shows a state and reports what the player did."""
