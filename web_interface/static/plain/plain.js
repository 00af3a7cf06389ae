// Comfort for the plain pages; each of them works without it.
for (const box of document.querySelectorAll(".password")) {
  const input = box.querySelector("input");
  const button = document.createElement("button");
  const label = () => { button.textContent = input.type === "password" ? box.dataset.show : box.dataset.hide; };
  button.type = "button";
  button.className = "show";
  button.addEventListener("click", () => { input.type = input.type === "password" ? "text" : "password"; label(); input.focus(); });
  label();
  box.append(button);
}
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => { for (const b of form.querySelectorAll(".button")) b.disabled = true; });
  if (form.dataset.now === "yes") form.requestSubmit();
}
window.addEventListener("pageshow", () => { for (const b of document.querySelectorAll(".button[disabled]")) b.disabled = false; });
