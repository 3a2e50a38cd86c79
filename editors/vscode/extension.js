// Starts `rlx lsp` and lets it answer. What the language means is known to the server alone.
"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

async function start() {
  const command = workspace.getConfiguration("rlx").get("path", "rlx");
  const run = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient(
    "rlx",
    "rlx",
    { run, debug: run },
    {
      documentSelector: [{ language: "rlx" }],
      synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.rlx") },
    },
  );
  try {
    await client.start();
  } catch (error) {
    window.showErrorMessage(`\`${command} lsp\` does not start (${error.message}); set \`rlx.path\` to the program`);
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running?.isRunning()) await running.stop();
}

exports.activate = async (context) => {
  context.subscriptions.push(
    commands.registerCommand("rlx.restart", async () => {
      await stop();
      await start();
    }),
  );
  await start();
};

exports.deactivate = stop;
