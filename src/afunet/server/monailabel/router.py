"""The routes of MONAI Label's interface that its client and its extension of 3D Slicer use."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.routing import APIRoute

from afunet.errors import InputError
from afunet.server.monailabel.app_info import MODELS, NAME, app_info
from afunet.server.monailabel.desk import FINAL, Desk, NotThere
from afunet.server.monailabel.kept_scan import SegmentedScan, Sent
from afunet.server.monailabel.multipart import GZIP, form_data

LABEL_FILE = "label.nii.gz"
OPEN_PATHS = ("/auth/", "/auth/token")
"""Where no token is needed: they ask whether one is, and for one."""
PROGRAMS = ("/auth/", "/info/", "/session/", "/infer/", "/datastore/")
"""Where the clients, which are no browsers, send a bearer token and no header of ours."""


class _Route(APIRoute):
    """Answers 404 where something is not there."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                found: Response = await handler(request)
            except NotThere as error:
                raise HTTPException(404, str(error)) from error
            return found

        return answered


def monai_label_router(
    desk_of: Callable[[Request], Desk], user_of: Callable[[str], str | None]
) -> APIRouter:
    """Return the routes. `desk_of` finds the folder of who asks, `user_of` the user of a token."""
    router = APIRouter(route_class=_Route)
    _add_access(router, user_of)
    _add_work(router, desk_of)
    _add_store(router, desk_of)
    return router


def _add_access(router: APIRouter, user_of: Callable[[str], str | None]) -> None:
    """Logging in: the user's token is the password, and the token of all later requests."""

    @router.get("/auth/")
    def auth() -> dict[str, Any]:
        return {"enabled": True, "client_id": NAME, "realm": NAME}

    @router.post("/auth/token")
    def token(password: Annotated[str, Form()], username: Annotated[str, Form()] = "") -> Response:
        if user_of(password) is None:
            return JSONResponse({"code": "UNKNOWN_TOKEN", "message": "the token is wrong"}, 401)
        return JSONResponse({"access_token": password, "token_type": "Bearer"})

    @router.get("/auth/token/valid")
    def valid(request: Request) -> dict[str, Any]:
        return {"username": str(getattr(request.state, "user", ""))}


def _add_work(router: APIRouter, desk_of: Callable[[Request], Desk]) -> None:
    @router.get("/info/")
    def info(request: Request) -> dict[str, Any]:
        return app_info(version("afunet"), desk_of(request).counts)

    @router.put("/session/")
    def begin(request: Request, files: Annotated[list[UploadFile], File()]) -> dict[str, Any]:
        session = desk_of(request).begin([_sent(file) for file in files])
        return {"session_id": session.id, "session_info": session.to_json()}

    @router.get("/session/{name}")
    def session(request: Request, name: str) -> dict[str, Any]:
        return desk_of(request).session(name).to_json()

    @router.delete("/session/{name}")
    def end(request: Request, name: str) -> dict[str, Any]:
        session = desk_of(request).session(name)
        told = session.to_json()
        desk_of(request).end(name)
        return told

    @router.post("/infer/{model}")
    def infer(
        request: Request,
        model: str,
        image: str = "",
        session_id: str = "",
        output: str = "all",
        file: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        if model not in MODELS:
            raise NotThere("model")
        desk = desk_of(request)
        if file is not None and not session_id:
            session_id = desk.begin([_sent(file)]).id
        return _answer(desk.found(image=image, session=session_id, fast=MODELS[model].fast), output)


def _answer(found: SegmentedScan, output: str) -> Response:
    """3D Slicer gives the labels of the map, in their order, the names in the order of theirs."""
    told = {"label_names": found.names, "latencies": {}}
    if output == "json":
        return JSONResponse(told)
    if output == "image":
        return FileResponse(found.labels, media_type=GZIP, filename=LABEL_FILE)
    made = form_data(told, LABEL_FILE, found.labels.read_bytes())
    return Response(made.body, media_type=made.content_type)


def _add_store(router: APIRouter, desk_of: Callable[[Request], Desk]) -> None:
    @router.get("/datastore/")
    def datastore(request: Request, output: str = "stats") -> Any:
        desk = desk_of(request)
        if output == "train":
            return [
                {"image": name, "label": name}
                for name, one in desk.listed()["objects"].items()
                if one["labels"]
            ]
        return desk.listed() if output == "all" else desk.counts.to_json()

    @router.put("/datastore/")
    @router.put("/datastore/image")
    def keep(request: Request, file: Annotated[UploadFile, File()], image: str) -> dict[str, Any]:
        desk_of(request).keep_image(image, _sent(file))
        return {"image": image}

    @router.api_route("/datastore/image", methods=["GET", "HEAD"])
    def image(request: Request, image: str) -> Response:
        kept = desk_of(request).image(image)
        if not kept.scan.is_file():
            raise NotThere("image in one file")
        return FileResponse(kept.scan, filename=f"image{kept.suffix}")

    @router.put("/datastore/label")
    def save(
        request: Request,
        label: Annotated[UploadFile, File()],
        image: str,
        tag: str = FINAL,
        params: Annotated[str, Form()] = "{}",
    ) -> dict[str, Any]:
        if tag not in ("", FINAL):
            raise InputError(
                f"labels of {tag[:20]!r} cannot be saved, expected {FINAL!r}", code="UNKNOWN_NAME"
            )
        desk_of(request).image(image).save_label(_sent(label), label_names(params))
        return {"image": image, "label": image}

    @router.api_route("/datastore/label", methods=["GET", "HEAD"])
    def label(request: Request, label: str, tag: str = FINAL) -> Response:
        return FileResponse(desk_of(request).label(label, tag), filename=LABEL_FILE)


def label_names(params: str) -> dict[int, str]:
    """Return the names in `label_info`, which 3D Slicer sends with a label.

    Raises `InputError` for anything else that is not empty.
    """
    try:
        content = json.loads(params or "{}") or {}
        return {int(one["idx"]): str(one["name"]) for one in content.get("label_info") or ()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            "the params of the label are broken, expected JSON with label_info: save it again",
            code="BAD_DESCRIPTION",
        ) from None


def _sent(file: UploadFile) -> Sent:
    return Sent(file.filename or "", file.file)
