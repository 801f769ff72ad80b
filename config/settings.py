"""All settings, read from the environment only; secrets have no default outside development."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import environ
from csp.constants import NONCE, NONE, SELF

from config import logging as json_logging
from config.openapi import SPECTACULAR
from config.portal.theme import UNFOLD as UNFOLD  # noqa: PLC0414 - a setting, re-exported

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
    # Before Unfold: its templates and its Alpine file are overridden for a strict CSP.
    "config.portal.apps.PortalConfig",
    "unfold.apps.BasicAppConfig",
    "config.portal.apps.PortalAdminConfig",
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
# One code base, three processes: the API without sessions, the portal, or both for one machine.
SHAREMINT_EDGE = env.str("SHAREMINT_EDGE", default="all")
ROOT_URLCONF = {
    "api": "config.urls.api",
    "portal": "config.urls.portal",
    "all": "config.urls",
}[SHAREMINT_EDGE]
_API_MIDDLEWARE = [
    "core.api.middleware.RequestIdMiddleware",
    "kyc.api.access.GeographicAccess",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
]
_PORTAL_MIDDLEWARE = [
    "core.api.middleware.RequestIdMiddleware",
    "kyc.api.access.GeographicAccess",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.portal.headers.PortalHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.portal.sessions.AbsoluteSessionLimit",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE = _API_MIDDLEWARE if SHAREMINT_EDGE == "api" else _PORTAL_MIDDLEWARE
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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
# A developer's machine serves static files where they lie; elsewhere `collectstatic` gathers them
# and their names carry their hash.
WHITENOISE_AUTOREFRESH = DEVELOPMENT
WHITENOISE_USE_FINDERS = DEVELOPMENT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEVELOPMENT
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        ),
    },
}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- chain: one entry per network the issuer serves ---------------------------------------------
# CHAIN_RPC_URLS looks like "anvil=http://127.0.0.1:8545 http://...,base=https://..."; three or more
# of at least two operators in production, as more than half must say the same.
CHAIN_RPC_URLS = {
    name: urls.split() for name, urls in env.dict("CHAIN_RPC_URLS", default={}).items()
}
# CHAIN_IDS looks like "anvil=31337,base=8453"
CHAIN_IDS = {name: int(value) for name, value in env.dict("CHAIN_IDS", default={}).items()}
# CHAIN_IN_FLIGHT_MAX: "base=64"; how many transactions of one signer may wait for a block, 16 where
# nothing is said. CHAIN_BATCH_MAX: "base=250"; the most orders in one transaction, 400.
CHAIN_IN_FLIGHT_MAX = {
    name: int(value) for name, value in env.dict("CHAIN_IN_FLIGHT_MAX", default={}).items()
}
CHAIN_BATCH_MAX = {
    name: int(value) for name, value in env.dict("CHAIN_BATCH_MAX", default={}).items()
}
# CHAIN_FEE_CEILINGS_GWEI: "base=0.5"; the most one unit of gas may cost, 500 where nothing is said.
CHAIN_FEE_CEILINGS_GWEI = {
    name: Decimal(value) for name, value in env.dict("CHAIN_FEE_CEILINGS_GWEI", default={}).items()
}
# CHAIN_GAS_BUDGETS_WEI: "base=50000000000000000"; the most that any 24 hours may cost, no limit
# where nothing is said. CHAIN_GAS_FLOORS_WEI: below it a signer takes no new transaction.
CHAIN_GAS_BUDGETS_WEI = {
    name: int(value) for name, value in env.dict("CHAIN_GAS_BUDGETS_WEI", default={}).items()
}
CHAIN_GAS_FLOORS_WEI = {
    name: int(value) for name, value in env.dict("CHAIN_GAS_FLOORS_WEI", default={}).items()
}
# CHAIN_FINALITY_DEPTHS: "polygon=200"; blocks below the head besides the `finalized` tag.
CHAIN_FINALITY_DEPTHS = {
    name: int(value) for name, value in env.dict("CHAIN_FINALITY_DEPTHS", default={}).items()
}
# CHAIN_FINALITY_STALL_SECONDS: "base=2400"; an older finalized block raises the alarm, 0 never.
CHAIN_FINALITY_STALL_SECONDS = {
    name: int(value) for name, value in env.dict("CHAIN_FINALITY_STALL_SECONDS", default={}).items()
}
# A directory of encrypted key files with policy.json, and the file that holds their password.
SIGNER_KEYSTORES = env.str("SIGNER_KEYSTORES", default="")
SIGNER_PASSWORD_FILE = env.str("SIGNER_PASSWORD_FILE", default="")
# {"0xaddress": "awskms:..."}: keys that lie in a key service; the others have key files.
SIGNER_BACKENDS = env.json("SIGNER_BACKENDS", default={})

# Orders above this many whole shares wait for a second person; units are 10^-18 share.
ORDER_APPROVAL_ABOVE_UNITS = env.int("ORDER_APPROVAL_ABOVE_SHARES", default=10_000) * 10**18
# The most of a fund's settled shares that one token may have minted and not yet final, in hundredths
# of a percent; 0 is no limit. What a deep reorganisation could undo at once.
UNFINALIZED_MINT_BASIS_POINTS = env.int(
    "UNFINALIZED_MINT_BASIS_POINTS", default=0 if DEVELOPMENT else 100
)
WALLET_COOLING_OFF = timedelta(seconds=env.int("WALLET_COOLING_OFF_SECONDS", default=86_400))
GEOIP_PATH = env.str("GEOIP_PATH", default="")
# "manual" (two people look at everyone) or "sandbox" (magic words force each outcome).
KYC_PROVIDER = env.str("KYC_PROVIDER", default="manual")
KYC_VALIDITY = timedelta(days=env.int("KYC_VALIDITY_DAYS", default=365))

# --- custody: one custodian may be reachable by program -----------------------------------------
CUSTODIAN_CODE = env.str("CUSTODIAN_CODE", default="SANDBOX")
CUSTODIAN_URL = env.str("CUSTODIAN_URL", default="")
CUSTODIAN_SECRET = env.str("CUSTODIAN_SECRET", default="")
# How long the developers' custodian takes to settle.
SANDBOX_CUSTODIAN_DELAY_SECONDS = env.float("SANDBOX_CUSTODIAN_DELAY_SECONDS", default=1.0)

# --- portal: sessions, cookies, transport and content security ----------------------------------
SHAREMINT_ENVIRONMENT = env.str(
    "SHAREMINT_ENVIRONMENT", default="development" if DEVELOPMENT else "production"
)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_AGE = 30 * 60  # seconds idle; the row moves with each request
SESSION_SAVE_EVERY_REQUEST = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
PORTAL_SESSION_SECONDS_MAX = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
if not DEVELOPMENT:
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = 365 * 86_400
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    if TRUSTED_PROXY_COUNT:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = not DEVELOPMENT
CSRF_COOKIE_SECURE = not DEVELOPMENT
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 14},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- API ------------------------------------------------------------------------------------------
PUBLIC_URL = env.str("PUBLIC_URL", default="")  # where clients reach us; begins links in problems
LIVEMODE = env.bool("SHAREMINT_LIVEMODE", default=False)  # shm_live_ keys, or shm_test_ ones
# Mixed into the digests of API keys; a change makes every issued key void.
API_KEY_PEPPER = env.str("API_KEY_PEPPER", default="" if DEVELOPMENT else env.NOTSET)
API_SCOPES = [
    "api_keys:read",
    "api_keys:rotate",
    "custody:read",
    "custody:write",
    "decisions:read",
    "events:read",
    "funds:read",
    "holders:read",
    "investors:read",
    "investors:write",
    "orders:cancel",
    "orders:create",
    "orders:read",
    "tokens:read",
    "wallets:read",
    "wallets:write",
    "webhooks:read",
    "webhooks:write",
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["core.api.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["core.api.parsers.StrictJsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "core.api.problems.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
# Loopback and plain-http receivers are for a developer's machine only.
WEBHOOK_ALLOW_LOOPBACK = DEVELOPMENT and env.bool("WEBHOOK_ALLOW_LOOPBACK", default=DEVELOPMENT)

SPECTACULAR_SETTINGS = SPECTACULAR

# --- logs: JSON lines, redacted --------------------------------------------------------------------
LOGGING = json_logging.settings(level=env.str("LOG_LEVEL", default="INFO"))
