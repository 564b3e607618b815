"""The keys that stored secrets are encrypted with: which of them wrote what, and everything written anew with the first.

Works while API and workers run: a value is only replaced where it still is the one that was read.
"""
