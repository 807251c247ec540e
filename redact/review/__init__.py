"""The page on which the owner of a clip sees what was found, and decides what stays visible.

It is served to this machine's own browser alone. Clear pictures of people exist in memory only.
"""
