# The image of all three processes: `controller`, `proxy`, and every command of the command line.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/sallyport:VERSION --push .
#
# The bundle is JavaScript only, so it is built once, on the builder's own platform, and the last stage runs no command: both
# platforms come out of one build without emulation.
#
# A release pins the base image by digest: it resolves the tag below and passes what it found, which stays in the image's provenance.
#
#   --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@$(docker buildx imagetools inspect node:24.21.0-bookworm-slim --format '{{.Manifest.Digest}}')
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /src
# The packages first: their layer stays while only sources change.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# Source maps are for whoever debugs a build of their own.
RUN node tools/bundle.ts && rm -r dist/console-maps && mkdir -m 0750 state

FROM ${NODE_IMAGE}
COPY --from=build /src/dist /opt/sallyport
# The working directory holds what a process keeps: a proxy's audit spool, a controller's state. Mount a volume here to keep it longer.
COPY --from=build --chown=65532:65532 /src/state /var/lib/sallyport
WORKDIR /var/lib/sallyport
# A number and not a name, so that Kubernetes can tell that it is not root.
USER 65532:65532
# That number has no entry in the image's list of accounts, and so no home unless it is told.
ENV HOME=/var/lib/sallyport
ENTRYPOINT ["node", "/opt/sallyport/sallyport.mjs"]
CMD ["--help"]
