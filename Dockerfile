# A server for one exported model, without TensorFlow. Untested: no container engine was at hand.
#
#   python -m sentiment export models/bilstm --format onnx
#   docker build --build-arg MODEL=models/bilstm/onnx --tag reviews .
#   docker run --publish 8501:8501 reviews

FROM python:3.12-slim

WORKDIR /build
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY sentiment sentiment
COPY data/sample data/sample
RUN pip install --no-cache-dir --no-deps . \
    && pip install --no-cache-dir 'numpy>=2.1,<3' 'scipy>=1.14,<2' 'rich>=14,<16' 'onnxruntime>=1.23,<2' \
        'fastapi>=0.115,<1' 'uvicorn>=0.38,<1' 'httptools>=0.6' 'uvloop>=0.21' 'prometheus-client>=0.21,<1' \
    && rm -rf /build

ARG MODEL
COPY ${MODEL} /models/reviews/1

USER 10001
WORKDIR /models
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/readyz', timeout=2)"]
ENTRYPOINT ["python", "-m", "sentiment", "serve", "--host", "0.0.0.0"]
CMD ["/models/reviews"]
