# A thin door to the CMake build, which alone knows flags and sources: `npx node-gyp rebuild` gives the same addon.
# Kept out of the published package, where npm would take it as an order to compile.
{
  "targets": [
    {
      "target_name": "addon",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": [
            "CMakeLists.txt",
            "<!@(node -p \"require('fs').readdirSync('native').map((name) => 'native/' + name).join(' ')\")"
          ],
          "outputs": ["<(PRODUCT_DIR)/addon.node", "<(PRODUCT_DIR)/preload.node"],
          "action": ["node", "scripts/bootstrap.mjs"]
        }
      ]
    }
  ]
}
