# Pare's command line from the package `npm run package` makes: docker build -t pare .
# docker run --rm --network none -v "$PWD:/work" pare compress model.onnx --data data/ --recipe balanced --out small/
FROM node:24-bookworm-slim
COPY dist/pare-*.tgz /tmp/pare.tgz
RUN npm install --global --ignore-scripts /tmp/pare.tgz && rm /tmp/pare.tgz && npm cache clean --force
ENV ORT_DISABLE_TELEMETRY=1
USER node
WORKDIR /work
ENTRYPOINT ["pare"]
CMD ["--help"]
