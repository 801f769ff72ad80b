"""A foreign party in miniature: a country database of documentation addresses, for trials."""
