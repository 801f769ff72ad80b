"""A custodian for developers: a foreign party with its own books, its own key and no database of ours."""
