"""Django settings, all of them from the environment (README, "Settings"). Nothing here needs to be edited to deploy.

Defaults suit one machine: SQLite and a private Redis below ``GATEWAY_DATA_DIR``. ``DATABASE_URL`` and ``REDIS_URL``
move both elsewhere; the rest of the code does not ask which of the two it runs on.
"""

from pathlib import Path

import environ

from gateway_admin.common.installation import (
    admin_hosts,
    database,
    mail_server,
    one_of,
    redis_urls,
    secret_key,
    usable_directory,
)

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = usable_directory(Path(env.str("GATEWAY_DATA_DIR", default="var")).expanduser().resolve())
REDIS = redis_urls(env.str("REDIS_URL", default=""), DATA_DIR)

# --- Security -------------------------------------------------------------------------------------------------------

DEBUG = False  # tracebacks with settings and local variables never go to a browser; there is no switch for it
SECRET_KEY = env.str("GATEWAY_SECRET_KEY", default="") or secret_key(DATA_DIR)
SECRET_KEY_FALLBACKS = [*filter(None, env.list("GATEWAY_SECRET_KEY_FALLBACKS", default=[]))]  # see common/sealing.py
ALLOWED_HOSTS = env.list("GATEWAY_ADMIN_HOSTS", default=[]) or admin_hosts(
    env.str("GATEWAY_ADMIN_LISTEN", default="127.0.0.1:8001")
)
CSRF_TRUSTED_ORIGINS = env.list("GATEWAY_ADMIN_ORIGINS", default=[])

BEHIND_TLS = env.bool("GATEWAY_ADMIN_BEHIND_TLS", default=False)  # a TLS proxy that sets X-Forwarded-Proto is in front
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "gatehouse_session"
CSRF_COOKIE_NAME = "gatehouse_csrf"
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# --- Apps and middleware --------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "django_htmx",
    "channels",
    "drf_spectacular",
    "gateway_admin.common",
    "gateway_admin.accounts",
    "gateway_admin.catalog",
    "gateway_admin.monitoring",
    "gateway_admin.alerts",
    "gateway_admin.kong_api",
]

# Each of these runs on the event loop as well: one that could not would hold a thread while an asynchronous view waits.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "gateway_admin.common.middleware.StaticFiles",
    "gateway_admin.common.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "gateway_admin.urls"
ASGI_APPLICATION = "gateway_admin.asgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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

# --- Storage --------------------------------------------------------------------------------------------------------

DATABASES = {"default": database(env.str("DATABASE_URL", default=""), DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = {"default": REDIS.channel_layer()}
LOCAL_CACHE = {  # holds counts of failures: few entries would let a guesser push his own out
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "OPTIONS": {"MAX_ENTRIES": 50_000},
}
CACHES = {"default": REDIS.cache(), "local": LOCAL_CACHE}

# --- People ---------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/admin-ui/login/"
LOGIN_REDIRECT_URL = "/admin-ui/"
LOGOUT_REDIRECT_URL = "/admin-ui/login/"
ADMIN_API_ANONYMOUS = one_of(
    "GATEWAY_ADMIN_API_ANONYMOUS", env.str("GATEWAY_ADMIN_API_ANONYMOUS", default=""), "loopback"
)

# --- Words and files ------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # straight from the source folders: no collectstatic step between install and run
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False

AUDIT_KEPT_DAYS = env.int("GATEWAY_AUDIT_DAYS", default=365)
HEALTH_EVENTS_KEPT_DAYS = env.int("GATEWAY_HEALTH_EVENTS_DAYS", default=90)

# --- Alerts ---------------------------------------------------------------------------------------------------------

MAIL = mail_server(env.str("GATEWAY_MAIL_URL", default=""))
EMAIL_HOST, EMAIL_PORT = MAIL.host, MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.user, MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL.starts_tls, MAIL.is_tls
DEFAULT_FROM_EMAIL = env.str("GATEWAY_MAIL_FROM", default="gatehouse@localhost")
DASHBOARD_URL = env.str("GATEWAY_DASHBOARD_URL", default="")  # as people reach it, for links in alerts

# --- Background work ------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS.celery_broker
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]  # pickle from a shared Redis would be code from a shared Redis
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celery-beat")
CELERY_TIMEZONE = TIME_ZONE

# --- REST -----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "gateway_admin.accounts.authentication.BearerToken",
        "gateway_admin.accounts.authentication.Session",
        "gateway_admin.accounts.authentication.Loopback",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["gateway_admin.common.permissions.Permitted"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["gateway_admin.common.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "gateway_admin.common.parsers.AlwaysJSON",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS has nothing to add to the OpenAPI document
    "EXCEPTION_HANDLER": "gateway_admin.common.envelope.answer_to_exception",
    "DEFAULT_SCHEMA_CLASS": "gateway_admin.catalog.api.openapi.EnvelopeSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Gatehouse",
    "DESCRIPTION": "Services, routes, upstreams and targets of the gateway.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],  # it tells nothing that the source does not
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": ["gateway_admin.catalog.api.openapi.add_components"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes; an entity has a few KB, and 1 MB is nginx's default limit as well
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
CONFIG_UPLOAD_MAX_BYTES = env.int("GATEWAY_CONFIG_UPLOAD_BYTES", default=32 * 1024 * 1024)  # a whole configuration

# --- Log ------------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "gateway_admin.common.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("GATEWAY_LOG_LEVEL", default="INFO").upper()},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},  # what clients did wrong is in their answers, not in our log
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # a traceback each; common/hosts.py says it in a line
        # Each second a traceback while Redis is away; whoever sends or waits says so in one line.
        "channels_redis.pubsub": {"level": "CRITICAL"},
    },
}
