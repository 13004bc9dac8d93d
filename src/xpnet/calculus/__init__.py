"""The calculus: arrays that remember, the tape, the table of derivatives, the transforms."""
