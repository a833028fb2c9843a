"""The page on which people try the models: it asks the same addresses as every client."""

from functools import cache
from pathlib import Path

from sentiment.pages import page

SCRIPT = Path(__file__).with_name("page.js")
CONTENT_POLICY = ("default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
                  "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
STYLE = """
<style>
label { display: block; font-weight: 600; margin: 1rem 0 .25rem; }
textarea, select { width: 100%; font: inherit; color: inherit; background: var(--page); padding: .5rem;
  border: 1px solid var(--soft); border-radius: .35rem; }
textarea { min-height: 8rem; resize: vertical; } textarea:focus, select:focus, summary:focus { outline: 3px solid
  rgb(var(--for)); outline-offset: 1px; }
.choices { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 0 1rem; }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 2rem; }
.bar { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr 4rem; gap: .75rem; align-items: center;
  overflow-wrap: anywhere; }
.track { height: .8rem; background: var(--line); border-radius: .4rem; overflow: hidden; }
.fill { height: 100%; background: rgb(var(--for)); } .percent { text-align: right; font-variant-numeric: tabular-nums; }
.failed { border-left: .3rem solid rgb(var(--against)); padding-left: .75rem; }
b { --a: .5; } .stale { opacity: .6; } [hidden] { display: none !important; }
</style>
"""
BODY = """
<main>
<h1>Try a model</h1>
<p class="soft" id="hint">Write or paste a text: the answer follows as you type.</p>
<label for="text">Text</label>
<textarea id="text" aria-describedby="hint" autofocus spellcheck="false"></textarea>
<div class="choices">
<div><label for="model">Model</label><select id="model"></select></div>
<div id="choice" hidden><label for="other">Compare with</label><select id="other"></select></div>
</div>
<p id="said" role="status" class="soft"></p>
<p id="failed" role="alert" class="failed" hidden></p>
<div id="answers" class="answers"></div>
<noscript><p class="failed">This page needs JavaScript; programs ask at <code>/v1/models</code>.</p></noscript>
</main>
<script src="page.js"></script>
"""


@cache
def front_page() -> str:
    """Return the page."""
    return page("Try a model", STYLE + BODY)
