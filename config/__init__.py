"""What joins the apps: settings, URLs, the Celery app, the portal and the development stack."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
