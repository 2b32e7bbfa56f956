SwaggerUIBundle({
    domNode: document.getElementById("api"),
    url: document.getElementById("api").dataset.specification,
    deepLinking: true,
    // Do not send the specification to an external validator.
    validatorUrl: null,
});
