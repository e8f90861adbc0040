// Lights up each word while it is heard; a click on a word plays from there.
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
