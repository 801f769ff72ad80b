"""The portal's pages for core: institutions, keys, events and webhooks; breakers are config's."""

from core.admin import access, events, institutions, webhooks

__all__ = ["access", "events", "institutions", "webhooks"]
