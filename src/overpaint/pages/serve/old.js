// Says what a browser lacks, where it lacks it: written so that one that cannot read the page's program reads this.
window.addEventListener("load", function () {
  var wanted = [["HTMLDialogElement", "dialogs"], ["EventSource", "news from the server"], ["PointerEvent", "pointers"], ["ResizeObserver", "sizes that change"]], lacking = [];
  for (var k = 0; k < wanted.length; k++) if (!(wanted[k][0] in window)) lacking.push(wanted[k][1]);
  if (!document.documentElement.getAttribute("data-begun") && !lacking.length) lacking.push("modules, or the newer parts of the language");
  if (!lacking.length) return;
  var place = document.getElementById("lacking");
  place.textContent = "This browser lacks what the page needs (" + lacking.join(", ") + "). Use a current Firefox, Chrome, Edge or Safari, or the command line: overpaint --help";
  place.hidden = false;
});
