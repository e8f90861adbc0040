"""What runs in the browser: the script that lights up each word while it is heard, and the styles of the page."""

WORDS_SCRIPT = """
const player = () => document.querySelector("#audio audio");
let spans = [], current = null;

function build() {  // from text, never from markup: nothing that a user writes becomes part of the page
  const paragraph = element.querySelector(".words"), {text = "", words = []} = props.value || {};
  let end = 0;
  paragraph.replaceChildren();
  current = null;
  spans = words.map(([start, stop, from, to]) => {
    const span = document.createElement("span");
    span.textContent = text.slice(from, to);
    span.onclick = () => { player().currentTime = start; player().play(); };
    paragraph.append(text.slice(end, from), span);
    end = to;
    return {span, start, stop};
  });
  paragraph.append(text.slice(end));
}

function follow() {
  const time = player() && !player().ended && player().currentTime > 0 ? player().currentTime : -1;
  const word = spans.findLast(({start}) => start <= time);  // lit until the next one begins
  const heard = word && time < word.stop + 0.3 ? word.span : null;
  if (heard !== current) {
    current?.classList.remove("heard");
    heard?.classList.add("heard");
    heard?.scrollIntoView({block: "nearest"});
    current = heard;
  }
  if (element.isConnected) requestAnimationFrame(follow);
}

watch("value", build);
build();
follow();
"""

STYLE = """
.gradio-container { max-width: 1100px !important; margin: 0 auto !important; }
#audio audio { width: 100%; color-scheme: light; }
.dark #audio audio { color-scheme: dark; }
#words .words { font-size: 1.15rem; line-height: 1.9; white-space: pre-wrap; overflow-wrap: anywhere;
  max-height: 16rem; overflow-y: auto; margin: 0; }
#words .words:empty::before { content: "The words appear here, and light up as you hear them."; opacity: .55; }
#words .words span { border-radius: .25em; padding: .1em .12em; margin: 0 -.12em; cursor: pointer; }
#words .words span:hover { background: var(--neutral-200); }
.dark #words .words span:hover { background: var(--neutral-700); }
#words .words span.heard { background: var(--primary-600); color: white; }
#pictures { padding-top: 2rem; }
#pictures .grid-wrap { max-height: 44rem; }
#pictures .grid-container { grid-auto-rows: auto; align-items: start; }
#pictures .thumbnail-item { aspect-ratio: auto; height: auto; background: white; }
"""
