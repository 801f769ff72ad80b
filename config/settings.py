"""All settings, read from the environment only; secrets have no default outside development."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import environ

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()

# One switch for what only a developer's own machine may allow (loopback webhooks, plain HTTP).
DEVELOPMENT = env.bool("SHAREMINT_DEVELOPMENT", default=False)
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
# Base64 of 32 random bytes each, newest first; older keys still decrypt.
ENCRYPTION_KEYS = env.list("ENCRYPTION_KEYS")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

_DATABASE = env.db_url("DATABASE_URL")
DATABASES = {
    "default": {
        **_DATABASE,
        # libpq's spelling of a unix socket: postgres://user@%2Fvar%2Frun%2Fpostgresql/name
        "HOST": unquote(_DATABASE["HOST"]),
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # A stuck statement or a forgotten transaction must not hold money rows for ever.
            "options": (
                "-c statement_timeout=30000 -c lock_timeout=10000"
                " -c idle_in_transaction_session_timeout=60000"
            ),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core.apps.CoreConfig",
    "kyc.apps.KycConfig",
    "custody.apps.CustodyConfig",
    "issuance.apps.IssuanceConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = ROOT / "staticfiles"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- chain: one entry per network the issuer serves ---------------------------------------------
# CHAIN_RPC_URLS: "anvil=http://127.0.0.1:8545 http://...,base=https://..."
CHAIN_RPC_URLS = {
    name: urls.split() for name, urls in env.dict("CHAIN_RPC_URLS", default={}).items()
}
# CHAIN_IDS: "anvil=31337,base=8453"
CHAIN_IDS = {name: int(value) for name, value in env.dict("CHAIN_IDS", default={}).items()}

WALLET_COOLING_OFF = timedelta(seconds=env.int("WALLET_COOLING_OFF_SECONDS", default=86_400))
GEOIP_PATH = env.str("GEOIP_PATH", default="")
