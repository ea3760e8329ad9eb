"""The headers that every console answer carries (T32). Pure; the test that enumerates routes reads them from here.

``require-trusted-types-for 'script'`` lets no string become markup but through the one policy in ``static/console.js``.
``no-referrer`` also makes browsers send ``Origin: null`` on plain form posts; the CSRF check knows (``guard``).
"""

from __future__ import annotations

from typing import Final

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types default"
)
_PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "clipboard-read",
        "display-capture",
        "geolocation",
        "gyroscope",
        "microphone",
        "midi",
        "payment",
        "publickey-credentials-create",
        "usb",
    )
)
HEADERS: Final[dict[str, str]] = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": _PERMISSIONS,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex",
}
HSTS: Final = "max-age=63072000; includeSubDomains"
NO_STORE: Final = "no-store"


def security_headers(*, https: bool) -> dict[str, str]:
    """What is added to each answer; ``Cache-Control: no-store`` where the answer says nothing else."""
    return {**HEADERS, **({"strict-transport-security": HSTS} if https else {})}
