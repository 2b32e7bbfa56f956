// The dark styles of Swagger UI depend on a class.
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const followPreference = () => document.documentElement.classList.toggle("dark-mode", prefersDark.matches);
followPreference();
prefersDark.addEventListener("change", followPreference);

SwaggerUIBundle({
    domNode: document.getElementById("api"),
    url: document.getElementById("api").dataset.specification,
    deepLinking: true,
    // Do not send the specification to an external validator.
    validatorUrl: null,
});
