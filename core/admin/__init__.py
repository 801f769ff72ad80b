"""The portal's pages for core: institutions, keys, events, webhooks and breakers."""

from core.admin import access, events, institutions, operations, webhooks

__all__ = ["access", "events", "institutions", "operations", "webhooks"]
