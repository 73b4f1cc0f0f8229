# Pare's command line from the package `npm run package` makes: docker build -t pare .
# docker run --rm --network none -v "$PWD:/work" pare compress model.onnx --data data/ --recipe balanced --out small/
FROM node:24-bookworm-slim
COPY dist/pare-*.tgz /tmp/pare.tgz
# By its own shrinkwrap, with the versions and hashes it was tested with: npm install would take newer ones.
RUN mkdir /opt/pare && tar -xzf /tmp/pare.tgz --strip-components=1 -C /opt/pare && cd /opt/pare \
  && npm ci --omit=dev --ignore-scripts && ln -s /opt/pare/scripts/pare.mjs /usr/local/bin/pare \
  && rm /tmp/pare.tgz && npm cache clean --force
ENV ORT_DISABLE_TELEMETRY=1
USER node
WORKDIR /work
ENTRYPOINT ["pare"]
CMD ["--help"]
