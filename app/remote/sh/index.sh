#!/bin/sh
# Prints how long the spools were at which time, from the last entry on that holds nothing beyond out_offset and
# err_offset: CLOCK (hundredths of a second since the boot) OUT_SIZE ERR_SIZE. Set before: folder, nonce, out_offset,
# err_offset, limit.
# shellcheck disable=SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    printf '%s:' "$nonce"
    awk -v out="$out_offset" -v err="$err_offset" -v limit="$limit" '
        # A full disk may have cut an entry off.
        NF != 3 || /[^0-9 ]/ || $2 < out_size || $3 < err_size { next }
        { out_size = $2; err_size = $3 }
        $2 <= out && $3 <= err { last = $0; next }
        last != "" { print last; last = ""; count++ }
        count >= limit { exit }
        { print; count++ }
        END { if (last != "") print last }
    ' "$folder/idx" 2>/dev/null
    printf ':%s\n' "$nonce"
}

main; exit
