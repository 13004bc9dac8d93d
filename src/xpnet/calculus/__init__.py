"""The calculus: arrays that remember, the tape, the table, the transforms."""
