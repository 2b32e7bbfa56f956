SwaggerUIBundle({
    domNode: document.getElementById("api"),
    url: document.getElementById("api").dataset.specification,
    deepLinking: true,
    // No third party is asked whether the specification is valid.
    validatorUrl: null,
});
