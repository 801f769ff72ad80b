"""The operators' portal: its site, look, roles and dashboard."""
