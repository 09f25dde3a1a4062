/** `/docs`: Swagger UI and the OpenAPI description, everything from inside the executable. */
import { Elysia } from "elysia";
import icon from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import styles from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import script from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import { notFound } from "./errors.ts";

const SPEC = "/docs/json";

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kowalski API</title>
<link rel="icon" href="/docs/assets/icon.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
`;

/** The page's own reading of JSON would show candids with their last digits lost and 30.0 as 30. */
const start = `const exactly = (text) =>
  JSON.rawJSON === undefined
    ? text
    : JSON.stringify(
        JSON.parse(text, (_, value, { source }) => (typeof value === "number" ? JSON.rawJSON(source) : value)),
        null,
        2,
      );

const exactAnswers = ({ React }) => ({
  wrapComponents: {
    responseBody: (Original) => (props) => {
      if (typeof props.content !== "string" || !/json/i.test(props.contentType)) {
        return React.createElement(Original, props);
      }
      return React.createElement(
        "div",
        null,
        React.createElement("h5", null, "Response body"),
        React.createElement(
          props.getComponent("HighlightCode", true),
          { language: "json", downloadable: true, fileName: "answer.json", canCopy: true },
          exactly(props.content),
        ),
      );
    },
  },
});

SwaggerUIBundle({
  url: "${SPEC}",
  dom_id: "#api",
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  plugins: [exactAnswers],
});
`;

const ASSETS: Readonly<Record<string, () => Response>> = {
  "swagger-ui.css": () => asset(Bun.file(styles), "text/css; charset=utf-8"),
  "swagger-ui-bundle.js": () => asset(Bun.file(script), "text/javascript; charset=utf-8"),
  "start.js": () => asset(start, "text/javascript; charset=utf-8"),
  "icon.png": () => asset(Bun.file(icon), "image/png"),
};

function asset(body: Blob | string, type: string): Response {
  return new Response(body, { headers: { "content-type": type, "cache-control": "public, max-age=3600" } });
}

const showPage = () =>
  new Response(page, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      // Nothing from elsewhere, now or after an update of the library; it puts styles and icons inline.
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self' data:",
    },
  });

const hidden = { detail: { hide: true } };

/** `describe` gives the description as JSON text; it is asked for once, when all resources are there. */
export const docs = (describe: () => string) => {
  let description: string | undefined;
  const showDescription = () => {
    description ??= describe();
    return new Response(description, { headers: { "content-type": "application/json; charset=utf-8" } });
  };
  return new Elysia()
    .get("/docs", showPage, hidden)
    .get("/docs/", showPage, hidden)
    .get("/docs/api/", showPage, hidden)
    .get(SPEC, showDescription, hidden)
    .get("/docs/api/swagger.json", showDescription, hidden)
    .get(
      "/docs/assets/:name",
      ({ params }) => {
        const asset = Object.hasOwn(ASSETS, params.name) ? ASSETS[params.name] : undefined;
        if (asset === undefined) throw notFound(`Not Found: /docs/assets/${params.name}; see /docs`);
        return asset();
      },
      hidden,
    );
};
