# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Certificate requests as kubelets make them, and forged ones. To be sourced.

# certificate_request FOLDER NAME client|serving SUBJECT [ALTERNATIVE_NAMES]: the object as YAML; its key
# and what it is made of in FOLDER/NAME.key and .csr. $request_key: what openssl makes a key of.
certificate_request() {
    local base=$1/$2 name=$2 signer=kube-apiserver-client-kubelet use=client maker extensions=()
    read -ra maker <<<"${request_key:-ec -pkeyopt ec_paramgen_curve:P-256}"
    [ "$3" = client ] || signer=kubelet-serving use=server
    [ -z "${5:-}" ] || extensions=(-addext "subjectAltName=$5")
    printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$1/openssl.conf"
    OPENSSL_CONF=$1/openssl.conf openssl req -new -newkey "${maker[@]}" -nodes -keyout "$base.key" \
        -subj "$4" "${extensions[@]}" -out "$base.csr" 2>/dev/null
    cat <<YAML
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: $name}
spec:
  signerName: kubernetes.io/$signer
  usages: ["digital signature", "key encipherment", "$use auth"]
  request: $(base64 -w 0 "$base.csr")
YAML
}
