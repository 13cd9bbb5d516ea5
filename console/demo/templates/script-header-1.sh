set -eu
echo "${template.name} ${template.version} on ${node.hostname|a machine without a name} (${node.serial|no serial})"
