"""``/docs``: the interface as one plain page, made from the OpenAPI document. No script, no style but the browser's, nothing fetched."""

from __future__ import annotations

import json
from functools import lru_cache
from html import escape
from typing import Any, Final

from adapters.agents import openapi

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@lru_cache(maxsize=1)
def html() -> bytes:
    document = openapi.document()
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
        f"<title>{escape(document['info']['title'])}</title></head><body><main>",
        f"<h1>{escape(document['info']['title'])}</h1><p>{escape(document['info']['description'])}",
        ' The same as data: <a href="/openapi.json">/openapi.json</a>.</p>',
        "<h2>Credentials</h2><dl>",
    ]
    for name, scheme in document["components"]["securitySchemes"].items():
        parts.append(f"<dt>{escape(name)}</dt><dd>{escape(scheme['description'])}</dd>")
    parts.append("</dl><h2>Calls</h2>")
    for path, item in document["paths"].items():
        for method in ("get", "post"):
            if method in item:
                parts.append(_call(method.upper(), path, item[method]))
    parts.append("<h2>Shapes</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts.append(f'<h3 id="{escape(name)}">{escape(name)}</h3>')
        parts.append(f"<pre>{escape(json.dumps(schema, indent=1))}</pre>")
    parts.append("</main></body></html>")
    return "".join(parts).encode()


def _call(method: str, path: str, operation: dict[str, Any]) -> str:
    credentials = ", ".join(name for entry in operation["security"] for name in entry) or "none"
    lines = [
        f'<h3 id="{escape(operation["operationId"])}"><code>{method} {escape(path)}</code></h3>',
        f"<p>{escape(operation['summary'])}. Credential: {escape(credentials)}.</p>",
    ]
    parameters = operation.get("parameters", ())
    if parameters:
        rows = [
            f"<li><code>{escape(p['name'])}</code> ({escape(p['in'])}): {escape(p['description'])}</li>"
            for p in parameters
        ]
        lines.append(f"<ul>{''.join(rows)}</ul>")
    shapes = [
        ("Body", operation.get("requestBody", {}).get("content", {})),
        *(
            (f"Answer {status}", answer["content"])
            for status, answer in operation["responses"].items()
            if status < "300"
        ),
    ]
    for title, content in shapes:
        for media_type, body in content.items():
            name = body["schema"].get("$ref", "").rpartition("/")[2]
            link = f', <a href="#{escape(name)}">{escape(name)}</a>' if name else ""
            lines.append(f"<p>{title}: {escape(media_type)}{link}</p>")
    lines.append(f"<p>Problems: {', '.join(s for s in operation['responses'] if s >= '400')}</p>")
    return "".join(lines)
