"""`corpus report`: one self-contained page with plots, and the plots as PNG files."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from engine.errors import reason_of
from engine.given_places import output_folder
from engine.staging import move_files, staging_folder
from training.corpus.dataset import Corpus
from training.corpus.report.plots import figures
from training.corpus.report.splits_compared import Comparison, compare_splits
from training.corpus.report.survey import Survey, survey
from training.corpus.sources import SPLITS
from training.errors import CorpusError

PAGE_NAME = "index.html"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Corpus report: {{ name }}</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; color: #22262b; max-width: 62rem;
    margin: 2rem auto; padding: 0 1rem; }
  h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #dfe3e8; }
  .lead { color: #5b6570; margin-top: .2rem; overflow-wrap: anywhere; }
  table { border-collapse: collapse; } th, td { padding: .25rem .8rem; text-align: right; }
  th { color: #5b6570; font-weight: 600; border-bottom: 1px solid #c9d0d8; }
  th:first-child, td:first-child, td.text, th.text { text-align: left; }
  tr:nth-child(even) td { background: #f6f8fa; }
  .plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
  img { max-width: 100%; height: auto; }
</style>
<h1>{{ name }}</h1>
<p class="lead">{{ info.config.kind }}, windows of {{ info.config.bars | join(", ") }} bars,
  {{ "{:,}".format(info.steps) }} steps in {{ "{:,}".format(info.segments) }} segments.
  Content sha256 {{ info.sha256 }}.</p>

<h2>Splits</h2>
<table>
  <tr><th>split</th><th>files</th><th>works</th>
  {% for bars in info.windows %}<th>windows of {{ bars }} bars</th>{% endfor %}</tr>
  {% for split in splits %}
  <tr><td>{{ split }}</td><td>{{ numbers.files[split] }}</td><td>{{ numbers.works[split] }}</td>
  {% for entry in info.windows.values() %}<td>{{ "{:,}".format(entry[split]) }}</td>{% endfor %}</tr>
  {% endfor %}
</table>

<h2>From candidates to windows</h2>
<table>
  <tr><th></th>{% for bars in info.windows %}<th>{{ bars }} bars</th>{% endfor %}</tr>
  {% for label, counts in funnel %}
  <tr><td>{{ label }}</td>{% for count in counts %}<td>{{ "{:,}".format(count) }}</td>{% endfor %}</tr>
  {% endfor %}
</table>

<h2>Train against valid and test</h2>
<table>
  <tr><th>mean of a note or bar</th>{% for split in splits %}<th>{{ split }}</th>{% endfor %}
  <th>overlap of train and test, 0 to 1</th></tr>
  {% for each in compared.distributions.values() if each.unit %}
  <tr><td>{{ each.title }}, {{ each.unit }}</td>
  {% for split in splits %}<td>{{ number(each.mean(split)) }}</td>{% endfor %}
  <td>{{ number(each.overlap("train", "test")) }}</td></tr>
  {% endfor %}
</table>

<h2>Sources and licences</h2>
<table>
  <tr><th>set</th><th class="text">licence</th><th class="text">rights</th><th>files</th>
  {% for bars in info.windows %}<th>windows of {{ bars }}</th>{% endfor %}</tr>
  {% for source in info.sources %}
  <tr><td>{{ source.set or "unnamed" }}</td><td class="text">{{ source.licence }}</td>
  <td class="text">{{ source.rights }}</td><td>{{ source.files }}</td>
  {% for bars in info.windows %}<td>{{ "{:,}".format(source.windows[bars] or 0) }}</td>{% endfor %}</tr>
  {% endfor %}
</table>

<h2>Files refused</h2>
{% if info.rejected %}
<table>
  <tr><th>reason</th><th>files</th></tr>
  {% for reason, count in info.rejected.items() %}
  <tr><td>{{ reason }}</td><td>{{ count }}</td></tr>
  {% endfor %}
</table>
<p class="lead">rejects.csv in the corpus names every one of them.</p>
{% else %}<p>None.</p>{% endif %}

<h2>Plots</h2>
<div class="plots">
  {% for title, data in plots.items() %}
  <img alt="{{ title }}" src="data:image/png;base64,{{ data }}">
  {% endfor %}
</div>
</html>
"""


def write_report(path: Path, output: Path) -> Path:
    """Write `index.html` and its plots as PNG files; return the page.

    Raises:
        CorpusError: no corpus at `path`, or nothing can be written; what was there before stays then.
    """
    corpus = Corpus.open(path)
    try:
        with output_folder(output), staging_folder(output) as staged:
            _write_page(corpus, staged)
            move_files(staged, output)
    except OSError as error:
        raise CorpusError(
            f"{output}: the report cannot be written ({reason_of(error)}); choose another place with -o"
        ) from error
    return output / PAGE_NAME


def _write_page(corpus: Corpus, folder: Path) -> None:
    numbers, compared = survey(corpus), compare_splits(corpus)
    plots = {}
    for name, figure in figures(corpus, corpus.info, numbers, compared).items():
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
        (folder / f"{name}.png").write_bytes(picture.getvalue())
        plots[name] = base64.b64encode(picture.getvalue()).decode("ascii")
    page = _page(corpus.path, corpus.info, numbers, compared, plots)
    (folder / PAGE_NAME).write_text(page, encoding="utf-8")


def _page(
    path: Path, info: Mapping[str, Any], numbers: Survey, compared: Comparison, plots: Mapping[str, str]
) -> str:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(PAGE).render(
        name=path.resolve().name,
        info=info,
        numbers=numbers,
        compared=compared,
        number=lambda value: "–" if value is None else f"{value:.2f}",
        splits=SPLITS,
        funnel=_funnel(info["windows"]),
        plots=plots,
    )


def _funnel(windows: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[int]]]:
    """Return the rows from candidate windows down to what is kept, one column a length."""
    entries = list(windows.values())
    rows = [("candidates", [entry["candidates"] for entry in entries])]
    for group, sign in (("dropped", "dropped: "), ("duplicates", "duplicate in ")):
        rows += [(sign + reason, [entry[group][reason] for entry in entries]) for reason in entries[0][group]]
    rows.append(("kept", [sum(entry[split] for split in SPLITS) for entry in entries]))
    rows.append(("kept, but the pattern is known from training", [entry["flagged"] for entry in entries]))
    rows.append(("segments too short for a window", [entry["segments too short"] for entry in entries]))
    return rows
