"""The pages that are walked through in a browser, each as somebody whom it is for. Names in braces stand for real ones."""

from __future__ import annotations

_ADMIN = (
    "", "/courses", "/courses/{course}", "/people", "/people/{student}", "/groups", "/groups/{group}", "/workspaces",
    "/workspaces/all", "/images", "/jobs", "/audit", "/register",
)  # fmt: skip
PAGES: tuple[tuple[str, str], ...] = (
    ("student", "/account"),
    ("student", "/account/password"),
    ("student", "/courses"),
    ("teacher", "/courses?pattern=a%7Ce"),
    ("admin", "/courses?all=1"),
    ("teacher", "/teach"),
    ("teacher", "/teach/{course}"),
    ("teacher", "/teach/{course}/notebooks"),
    ("teacher", "/teach/{course}/sites"),
    ("teacher", "/teach/{course}/settings"),
    ("teacher", "/teach/{course}/jobs"),
    *(("admin", f"/admin{path}") for path in _ADMIN),
    ("teacher", "/teach/{course}/students"),
    ("teacher", "/teach/{course}/students/{student}"),
    ("teacher", "/teach/{course}/clear-staff"),
    ("teacher", "/teach/{course}/statistics"),
    ("teacher", "/teach/{course}/statistics?section=system&zone=UTC"),
    ("teacher", "/teach/{course}/statistics/students/{student}"),
    ("teacher", "/teach/{course}/statistics/notebooks/{path}"),
    ("teacher", "/teach/{course}/dropareas"),
)
ELSEWHERE: frozenset[str] = frozenset(
    {
        "/jobs/{number}",
        "/login-probe",
        "/auditor/notebook/{classroom}",
        "/teach/{course}/dropareas/{area}",
        "/teach/{course}/students/{student}/looks/{token}",
    }
)
"""Pages that a browser test of their own looks at."""
