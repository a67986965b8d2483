"""Photos on disk and off it: class folders, checks, frozen splits, the decoded cache, generated sets."""
