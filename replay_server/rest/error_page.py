"""An error as a page for people, with a form for the token if one is required."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from flask import Request, Response

from replay_server.access.security import content_security_policy

__all__ = ["make_error_page", "wants_page"]

_STYLE = """\
:root { color-scheme: dark light; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif; }
main { width: min(28rem, 100vw - 3rem); }
h1 { font-size: 1.25rem; }
form { display: flex; gap: .5rem; }
input { flex: 1; min-width: 0; }
input, button, .button { font: inherit; padding: .4rem .7rem; }
.button { display: inline-block; border: 1px solid; border-radius: .5rem; color: inherit; text-decoration: none; }
"""
_STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"

_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{message}</p>
{form}
</main>
</body>
</html>
"""
_FORM = """\
<form method="post">
<input type="password" name="token" aria-label="Token" placeholder="Token" autocomplete="current-password" required autofocus>
<button type="submit">Open</button>
</form>
"""
_WAY_ON = """\
<p><a class="button" href="{root}/">All episodes</a></p>
"""
_TITLES = {
    401: "This replay server requires a token",
    403: "Refused",
    404: "Page not found",
    413: "Too large",
    422: "This recording is damaged",
    429: "Too many requests",
    503: "Not available now",
}


def wants_page(request: Request) -> bool:
    """Return whether a browser shows the answer to a person; scripts and programs get JSON."""
    destination = request.headers.get("Sec-Fetch-Dest", "document")
    return destination == "document" and "text/html" in request.headers.get("Accept", "")


def make_error_page(status: int, message: str, *, root: str = "") -> Response:
    """Return the page.

    Args:
        root: path under which a proxy publishes the server.
    """
    page = _DOCUMENT.format(
        title=_TITLES.get(status, "The request failed"),
        style=_STYLE,
        message=escape(f"{message[:1].upper()}{message[1:]}"),
        form=_FORM if status == 401 else _WAY_ON.format(root=escape(root.rstrip("/"))),
    )
    response = Response(page, status=status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = content_security_policy(style=_STYLE_SOURCE, form_action="'self'")
    # With no-referrer, browsers send the form with the origin "null".
    response.headers["Referrer-Policy"] = "same-origin"
    return response
