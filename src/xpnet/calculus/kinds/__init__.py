"""The kinds of row, one file each; the chapters import them from `calculus.rule`."""
