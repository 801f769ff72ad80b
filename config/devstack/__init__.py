"""Private servers for one checkout: everything a developer's machine runs in place of the issuer's."""
