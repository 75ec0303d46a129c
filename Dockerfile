# One image for the API (the default command), the worker and the simulator: see docker-compose.yml for their commands.
# The one image from outside. Pin it by its digest before you build for others: SECURITY.md.
FROM node:24-bookworm-slim AS base

FROM base AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM base
# tini passes signals on and waits for orphans, which node as the first process would not.
RUN apt-get update \
  && apt-get install -y --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY src ./src
COPY console ./console
COPY simulator ./simulator
# What Node has compiled is kept in the image, for the user that will run it: a start then takes a third less. The API comes
# up without Redis, and is ended again.
RUN install -d -o node node_modules/.cache/amiferry \
  && (AUTH=none LOG_LEVEL=silent setpriv --reuid=node --regid=node --clear-groups \
    timeout 10 node --import ./src/bin/require-node.js src/bin/api.ts || true) \
  && setpriv --reuid=node --regid=node --clear-groups \
    node --import ./src/bin/require-node.js --eval "import('./src/worker/build-worker.ts')" \
  && chown -R root:root node_modules/.cache && chmod -R a+rX node_modules/.cache
# The files stay root's: the process can't change its own code. "node", by number: Kubernetes can't tell by a name that it isn't root.
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--"]
CMD ["node", "--import", "./src/bin/require-node.js", "src/bin/api.ts"]
