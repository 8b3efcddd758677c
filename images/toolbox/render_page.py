"""What a shared notebook's page is made of: template, style, policy and sentences."""

SAY = {
    "en": {
        "static": "Static version",
        "figure": "An interactive figure is here in the notebook; a static page cannot show it.",
        "output": "Output",
    },
    "fr": {
        "static": "Version statique",
        "figure": "Le notebook montre ici une figure interactive, qu’une page statique ne peut pas afficher.",
        "output": "Résultat",
    },
}
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; font-src data:; base-uri 'none'"
    """In the page itself too: a copy that somebody keeps runs no script either."""
)

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem clamp(0.75rem, 4vw, 3rem) 4rem; max-width: 60rem; background: #fff; color: #23282b;
  font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; gap: 0 1.5rem; margin-bottom: 1.5rem; padding-bottom: 0.5rem;
  border-bottom: 1px solid #dcd9d1; color: #596166; font-size: 0.875rem; }
header strong { color: #23282b; }
h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 1.5em 0 0.5em; }
a { color: #1f5f8b; }
img, svg, video { max-width: 100%; height: auto; }
pre, code { font-family: ui-monospace, monospace; font-size: 0.875rem; }
pre { margin: 0; line-height: 1.45; white-space: pre-wrap; }
.text pre, .code { margin: 0.75rem 0; padding: 0.6rem 0.8rem; border-radius: 0.3rem; background: #f4f3ef; }
.code { border-left: 0.2rem solid #2f6f62; }
.out { margin: 0.75rem 0 0.75rem 0.2rem; padding: 0 0.8rem; overflow-x: auto; }
.out pre { white-space: pre; }
.out.wrong { background: #fbeee8; padding: 0.6rem 0.8rem; }
.note { color: #596166; font-style: italic; }
table { border-collapse: collapse; margin: 0.75rem 0; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #dcd9d1; text-align: right; }
.text th, .text td { text-align: left; }
blockquote { margin: 0.75rem 0; padding-left: 1rem; border-left: 0.25rem solid #dcd9d1; color: #596166; }
math[display=block] { display: block math; margin: 0.75rem 0; overflow-x: auto; }
code.tex { color: #5a3d8a; }
:focus-visible { outline: 3px solid #2f6f62; outline-offset: 2px; }
.highlight .c, .highlight .ch, .highlight .cm, .highlight .c1, .highlight .cs { color: #596166; font-style: italic; }
.highlight .k, .highlight .kn, .highlight .kd, .highlight .kr, .highlight .ow { color: #00627a; font-weight: 600; }
.highlight .kc, .highlight .bp, .highlight .mi, .highlight .mf, .highlight .mh { color: #1750a0; }
.highlight .s, .highlight .s1, .highlight .s2, .highlight .sa, .highlight .sd, .highlight .si { color: #1d6b1d; }
.highlight .nf, .highlight .nc, .highlight .nd { color: #7a3e00; }
.highlight .nb, .highlight .ne { color: #5a3d8a; }
.ansi-bold { font-weight: 700; }
.ansi-underline { text-decoration: underline; }
.ansi-red-fg, .ansi-red-intense-fg { color: #b0201c; }
.ansi-green-fg, .ansi-green-intense-fg { color: #1d6b1d; }
.ansi-yellow-fg, .ansi-yellow-intense-fg { color: #7a5800; }
.ansi-blue-fg, .ansi-blue-intense-fg { color: #1750a0; }
.ansi-magenta-fg, .ansi-magenta-intense-fg { color: #8a2f80; }
.ansi-cyan-fg, .ansi-cyan-intense-fg { color: #00627a; }
@media print { .out { overflow: visible; } .out pre { white-space: pre-wrap; } }
"""

PAGE = """\
{%- extends 'display_priority.j2' -%}
{%- block header -%}
<!DOCTYPE html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<title>{{ title | e }}</title>
<style>{{ style }}</style>
</head>
<body>
<header><strong>{{ title | e }}</strong><span>{{ about | e }}</span></header>
<main>
{% endblock header -%}
{%- block footer -%}
</main>
</body>
</html>
{% endblock footer -%}
{%- block markdowncell scoped -%}
<div class="text">{{ cell.source | words }}</div>
{% endblock markdowncell -%}
{%- block rawcell scoped -%}
<div class="text"><pre>{{ cell.source | e }}</pre></div>
{% endblock rawcell -%}
{%- block unknowncell scoped -%}{%- endblock unknowncell -%}
{%- block input -%}
{%- if cell.source.strip() -%}<div class="code">{{ cell.source | highlight_code(metadata=cell.metadata) }}</div>
{% endif -%}
{%- endblock input -%}
{%- macro out(kind="") -%}<div class="out {{ kind }}" tabindex="0" role="group" aria-label="{{ say.output }}">{%- endmacro -%}
{%- block stream -%}{{ out() }}<pre>{{ output.text | ansi2html }}</pre></div>
{% endblock stream -%}
{%- block error -%}{{ out("wrong") }}<pre>{{ output.traceback | join("\\n") | ansi2html }}</pre></div>
{% endblock error -%}
{%- block execute_result -%}{{ self.data_priority() }}{%- endblock execute_result -%}
{%- block data_text scoped -%}{{ out() }}<pre>{{ output.data['text/plain'] | ansi2html }}</pre></div>
{% endblock data_text -%}
{%- block data_html scoped -%}{{ out() }}{{ output.data['text/html'] | still }}</div>
{% endblock data_html -%}
{%- block data_markdown scoped -%}<div class="out text">{{ output.data['text/markdown'] | words }}</div>
{% endblock data_markdown -%}
{%- block data_latex scoped -%}{{ out() }}{{ output.data['text/latex'] | formulas }}</div>
{% endblock data_latex -%}
{%- block data_svg scoped -%}{{ out() }}<img alt="{{ say.output }}" src="data:image/svg+xml;base64,
{{- output.data['image/svg+xml'] | base64 }}"></div>
{% endblock data_svg -%}
{%- block data_png scoped -%}{{ out() }}<img alt="{{ say.output }}" src="data:image/png;base64,
{{- output.data['image/png'] | e }}"></div>
{% endblock data_png -%}
{%- block data_jpg scoped -%}{{ out() }}<img alt="{{ say.output }}" src="data:image/jpeg;base64,
{{- output.data['image/jpeg'] | e }}"></div>
{% endblock data_jpg -%}
"""
