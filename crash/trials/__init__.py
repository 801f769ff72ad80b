"""A short sequence of events for each mutant in which its bug shows, and the judge's word on it."""
