"""The measure of a cold start: what anybody's FastAPI function is before it does anything."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def hello() -> dict[str, str]:
    """Says hello."""
    return {"hello": "world"}
