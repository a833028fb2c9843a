"""Routes of the server."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.requests import ClientDisconnect

from sentiment.pages import page
from sentiment.serving import bodies, protocol
from sentiment.serving.batcher import Busy
from sentiment.serving.metrics import Metrics
from sentiment.serving.middleware import ANYBODY, Access, Gate
from sentiment.serving.models import Models, ServedModel, Version
from sentiment.serving.protocol import ByColumns, ByRows, Explained, ExplainRequest, Failure, Limits, PredictRequest
from sentiment.version import __version__

RETRY_SECONDS = "1"
PAGE, SCRIPT = (Path(__file__).with_name(name) for name in ("page.html", "page.js"))
CONTENT_POLICY = ("default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
                  "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
EXAMPLES = "<!-- examples -->"  # their place in the page
SCHEMAS = "#/components/schemas/{model}"
FAILED: dict[int | str, dict[str, Any]] = {
    code: {"model": Failure, "description": description} for code, description in (
        (400, "The body does not have the expected form"), (401, "The token is missing or wrong"),
        (403, "The request comes through a web page of another site, or names another host"),
        (404, "No such model or version"), (408, "The request did not arrive in time"),
        (413, "The request, a text or the number of texts is too large"), (415, "The body is sent as text/plain"),
        (503, "The queue or the memory is full; Retry-After says in how many seconds to try again"))}
GONE = 499  # of disconnected clients, for the counters
UNKNOWN: dict[int | str, dict[str, Any]] = {404: FAILED[404]}


class VersionNumber(Convertor[int]):
    """Number of a version in an address: as many digits as the name of a folder can have."""

    regex = "[0-9]{1,255}"

    def convert(self, value: str) -> int:
        """Return the number."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Return its digits."""
        return str(value)


register_url_convertor("version", VersionNumber())


def create_app(models: Models, limits: Limits, metrics: Metrics, access: Access = ANYBODY,
               examples: Sequence[str] = ()) -> FastAPI:
    """Return the application; the caller starts and closes `models`; `examples` are texts for the page.

    There is no `/docs`, because FastAPI's page would load scripts from other hosts.
    """
    app = FastAPI(title="sentiment", version=__version__, docs_url=None, redoc_url=None,
                  description="Text classifiers with TensorFlow Serving's REST interface")
    _add_predictions(app, models, limits)
    _add_states(app, models, metrics)
    _add_page(app, examples)
    _add_failures(app, metrics)
    app.add_middleware(Gate, metrics=metrics, limits=limits, access=access)
    app.openapi = lambda: _description(app, list(models.by_name))  # type: ignore[method-assign]
    return app


def _add_states(app: FastAPI, models: Models, metrics: Metrics) -> None:
    @app.get("/healthz", summary="Whether the server runs")
    async def healthz() -> protocol.Health:
        return protocol.Health(status="ok")

    @app.get("/readyz", summary="Whether every model is ready", responses={503: {"model": Failure}})
    async def readyz() -> protocol.Health:
        missing = [model.name for model in models.by_name.values() if not model.versions]
        if missing:
            raise HTTPException(503, f"not loaded: {', '.join(missing)}")
        return protocol.Health(status="ok")

    @app.get("/metrics", summary="Counters for Prometheus", response_class=Response,
             responses={200: {"content": {"text/plain": {}}}})
    async def counters() -> Response:
        state = {model.name: (model.newest.number, model.newest.batcher.waiting)
                 for model in models.by_name.values() if model.versions}
        return Response(metrics.text(state), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/models", summary="The names of the models")
    async def names() -> protocol.Names:
        return protocol.Names(models=list(models.by_name))

    @app.get("/v1/models/{name}", summary="The versions of a model", responses=UNKNOWN)
    async def status(name: str) -> protocol.ModelStatus:
        return protocol.ModelStatus.of(list(_model(models, name).versions))

    @app.get("/v1/models/{name}/versions/{number:version}", summary="The state of a version", responses=UNKNOWN)
    async def version_status(name: str, number: int) -> protocol.ModelStatus:
        return protocol.ModelStatus.of([_version(models, name, number).number])

    @app.get("/v1/models/{name}/metadata", summary="The signatures of a model", responses=UNKNOWN)
    async def metadata(name: str) -> dict[str, Any]:
        return _metadata(name, _version(models, name, None))

    @app.get("/v1/models/{name}/versions/{number:version}/metadata", summary="The signatures of a version",
             responses=UNKNOWN)
    async def version_metadata(name: str, number: int) -> dict[str, Any]:
        return _metadata(name, _version(models, name, number))


def _add_predictions(app: FastAPI, models: Models, limits: Limits) -> None:
    async def predict(request: Request, name: str, number: int | None) -> Response:
        _version(models, name, number)
        body, texts = await bodies.read(PredictRequest, request, limits)

        async def answer() -> dict[str, Any]:
            version = _version(models, name, number)  # may have changed while the body arrived
            return body.answer(await version.batcher.answer(texts), version.predictor.class_names)

        return JSONResponse(await _unless_gone(request, answer()))

    async def explain(request: Request, name: str, number: int | None) -> Response:
        _version(models, name, number)
        _, texts = await bodies.read(ExplainRequest, request, limits)

        async def answer() -> dict[str, Any]:
            version = _version(models, name, number)
            return {"predictions": [Explained.of(await version.explain(text)).model_dump() for text in texts],
                    "notes": version.predictor.notes}

        return JSONResponse(await _unless_gone(request, answer()))

    for verb, answer, takes, gives in (("predict", predict, PredictRequest, ByRows | ByColumns),
                                       ("explain", explain, ExplainRequest, protocol.Explanations)):
        _add_answer(app, verb, answer, takes, gives)


def _add_answer(app: FastAPI, verb: str, answer: Callable[[Request, str, int | None], Awaitable[Response]],
                takes: type[BaseModel], gives: Any) -> None:
    """Add the routes of a verb for the newest version and for a numbered version.

    The body is parsed here and not by FastAPI, which would require a content type that TensorFlow Serving's clients
    need not send.
    """
    async def of_newest(name: str, request: Request) -> Response:
        return await answer(request, name, None)

    async def of_version(name: str, number: int, request: Request) -> Response:
        return await answer(request, name, number)

    schema = {"$ref": SCHEMAS.format(model=takes.__name__)}
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    for path, endpoint in ((f"/v1/models/{{name}}:{verb}", of_newest),
                           (f"/v1/models/{{name}}/versions/{{number:version}}:{verb}", of_version)):
        app.post(path, summary=f"{verb.capitalize()} texts", responses={**FAILED, 200: {"model": gives}},
                 operation_id=f"{verb}_{endpoint.__name__}", openapi_extra=body)(endpoint)


async def _unless_gone(request: Request, answer: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Return the response, or cancel its computation when the client disconnects.

    Raises:
        ClientDisconnect: if it has disconnected.
    """
    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answering, leaving = asyncio.create_task(answer), asyncio.create_task(gone())
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientDisconnect
        return answering.result()
    finally:
        answering.cancel()
        leaving.cancel()


def _add_page(app: FastAPI, examples: Sequence[str]) -> None:
    """Add the page to try the models on, which uses the same routes as every client."""
    buttons = "".join(f'<button type="button" dir="auto">{escape(text)}</button>' for text in examples)
    front = page("Try a model", PAGE.read_text(encoding="utf-8").replace(EXAMPLES, buttons))

    @app.get("/", include_in_schema=False)
    async def front_page() -> HTMLResponse:
        return HTMLResponse(front, headers={"content-security-policy": CONTENT_POLICY})

    @app.get("/page.js", include_in_schema=False)
    async def script() -> Response:
        return Response(SCRIPT.read_bytes(), media_type="text/javascript")


def _add_failures(app: FastAPI, metrics: Metrics) -> None:
    """Give all errors the same form, without internals of the server."""
    async def refused(request: Request, error: Any) -> Response:
        missing = error.status_code == 404 and error.detail == "Not Found"
        return JSONResponse({"error": "no such path: see /openapi.json" if missing else str(error.detail)},
                            error.status_code, error.headers)

    async def malformed(request: Request, error: Any) -> Response:
        return JSONResponse({"error": bodies.error_message(error.errors()[0])}, 400)

    async def wrong(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 400)

    async def gone(request: Request, error: Exception) -> Response:
        return Response(status_code=GONE)

    async def busy(request: Request, error: Exception) -> Response:
        metrics.refused(request.path_params["name"])
        return JSONResponse({"error": "the queue is full: try again later"}, 503, {"Retry-After": RETRY_SECONDS})

    async def large(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 413)

    async def broken(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": "internal server error"}, 500)

    app.add_exception_handler(AnyHTTPException, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(bodies.WrongBody, wrong)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Busy, busy)
    app.add_exception_handler(protocol.TooLarge, large)
    app.add_exception_handler(Exception, broken)


def _model(models: Models, name: str) -> ServedModel:
    if name not in models.by_name:
        raise HTTPException(404, f"no model '{name}' (there are {', '.join(models.by_name)})")
    return models.by_name[name]


def _version(models: Models, name: str, number: int | None) -> Version:
    model = _model(models, name)
    if not model.versions:
        raise HTTPException(503, f"no version of '{name}' is loaded", {"Retry-After": RETRY_SECONDS})
    if number is None:
        return model.newest
    if number not in model.versions:
        raise HTTPException(404, f"no version {number} of '{name}' (there are {', '.join(map(str, model.versions))})")
    return model.versions[number]


def _metadata(name: str, version: Version) -> dict[str, Any]:
    predictor = version.predictor
    return protocol.metadata(name, version.number, predictor.class_names, predictor.notes, predictor.trained_on)


def _description(app: FastAPI, names: list[str]) -> dict[str, Any]:
    """Return the OpenAPI description, with the names of the models and the schemas of the bodies."""
    if app.openapi_schema is None:
        description = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        bodies = models_json_schema([(PredictRequest, "validation"), (ExplainRequest, "validation")],
                                    ref_template=SCHEMAS)[1]
        description["components"]["schemas"].update(bodies["$defs"])
        for operations in description["paths"].values():
            for operation in operations.values():
                for parameter in operation.get("parameters", []):
                    parameter["schema"].update({"enum": names} if parameter["name"] == "name" else {"minimum": 1})
        app.openapi_schema = description
    return app.openapi_schema
