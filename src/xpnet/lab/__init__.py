"""A local page in the browser that shows the calculus on the library's real code."""
