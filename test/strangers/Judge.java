import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.Security;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.PDSignature;
import org.apache.xml.security.signature.XMLSignature;
import org.apache.xml.security.utils.Constants;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.cms.Attribute;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.util.Store;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * What other people's Java says of signed files: PDFBox finds the signatures of a PDF and what they cover, Bouncy
 * Castle verifies messages and time-stamps, Apache Santuario verifies XML, and java.security builds the path to the
 * root. One process judges many files: a line "kind TAB file [TAB content]" each, answered by "OK" and the number of
 * signatures and time-stamps, or by "BAD" and why.
 */
public class Judge {
    private final X509Certificate root;
    private int found;

    private Judge(X509Certificate root) {
        this.root = root;
    }

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        org.apache.xml.security.Init.init();
        X509Certificate root;
        try (var in = Files.newInputStream(Path.of(args[0]))) {
            root = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            var judge = new Judge(root);
            String answer;
            try {
                judge.judge(line.split("\t"));
                answer = judge.found == 0 ? "BAD no signature" : "OK " + judge.found;
            } catch (Exception e) {
                answer = "BAD " + String.valueOf(e).replaceAll("\\s+", " ");
            }
            System.out.println(answer);
        }
    }

    private void judge(String[] row) throws Exception {
        byte[] file = Files.readAllBytes(Path.of(row[1]));
        switch (row[0]) {
            case "pdf" -> pdf(file);
            case "cms" -> message(new CMSSignedData(file));
            case "cms-detached" -> message(new CMSSignedData(new CMSProcessableByteArray(Files.readAllBytes(Path.of(row[2]))), file));
            case "xml" -> xml(new File(row[1]));
            default -> throw new IllegalArgumentException("kind " + row[0]);
        }
    }

    private void pdf(byte[] file) throws Exception {
        try (PDDocument doc = PDDocument.load(file)) {
            for (PDSignature s : doc.getSignatureDictionaries()) {
                byte[] covered = s.getSignedContent(file);
                byte[] contents = s.getContents(file);
                if ("ETSI.RFC3161".equals(s.getSubFilter())) {
                    stamp(new TimeStampToken(new CMSSignedData(contents)), covered);
                } else {
                    message(new CMSSignedData(new CMSProcessableByteArray(covered), contents));
                }
            }
        }
    }

    private void message(CMSSignedData message) throws Exception {
        for (SignerInformation s : message.getSignerInfos()) {
            verify(s, message.getCertificates());
            if (s.getUnsignedAttributes() == null) {
                continue;
            }
            var stamps = s.getUnsignedAttributes().getAll(PKCSObjectIdentifiers.id_aa_signatureTimeStampToken);
            for (int i = 0; i < stamps.size(); i++) {
                for (ASN1Encodable token : ((Attribute) stamps.get(i)).getAttributeValues()) {
                    stamp(new TimeStampToken(new CMSSignedData(token.toASN1Primitive().getEncoded())), s.getSignature());
                }
            }
        }
    }

    private void stamp(TimeStampToken token, byte[] covered) throws Exception {
        String hash = token.getTimeStampInfo().getHashAlgorithm().getAlgorithm().getId();
        byte[] digest = MessageDigest.getInstance(hash, "BC").digest(covered);
        if (!Arrays.equals(digest, token.getTimeStampInfo().getMessageImprintDigest())) {
            throw new SecurityException("the time-stamp is on something else");
        }
        verify(token.toCMSSignedData().getSignerInfos().iterator().next(), token.getCertificates());
    }

    private void verify(SignerInformation s, Store<X509CertificateHolder> store) throws Exception {
        @SuppressWarnings("unchecked")
        Collection<X509CertificateHolder> match = store.getMatches(s.getSID());
        if (match.size() != 1) {
            throw new SecurityException(match.size() + " certificates of the signer");
        }
        var convert = new JcaX509CertificateConverter();
        X509Certificate cert = convert.getCertificate(match.iterator().next());
        if (!s.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(cert))) {
            throw new SecurityException("the signature is not valid");
        }
        List<X509Certificate> others = new ArrayList<>();
        for (X509CertificateHolder h : store.getMatches(null)) {
            others.add(convert.getCertificate(h));
        }
        path(cert, others);
        found++;
    }

    private void path(X509Certificate cert, List<X509Certificate> others) throws Exception {
        var target = new X509CertSelector();
        target.setCertificate(cert);
        var wanted = new PKIXBuilderParameters(Set.of(new TrustAnchor(root, null)), target);
        wanted.setRevocationEnabled(false);
        // Extended key usage, critical in a TSA's certificate, is looked at by whoever knows the purpose.
        wanted.addCertPathChecker(new Purposes());
        var all = new ArrayList<>(others);
        all.add(cert);
        wanted.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(all)));
        CertPathBuilder.getInstance("PKIX").build(wanted);
    }

    private static class Purposes extends java.security.cert.PKIXCertPathChecker {
        @Override
        public void init(boolean forward) {}

        @Override
        public boolean isForwardCheckingSupported() {
            return true;
        }

        @Override
        public Set<String> getSupportedExtensions() {
            return Set.of("2.5.29.37");
        }

        @Override
        public void check(java.security.cert.Certificate cert, Collection<String> unresolved) {
            unresolved.remove("2.5.29.37");
        }
    }

    private void xml(File file) throws Exception {
        var factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document doc = factory.newDocumentBuilder().parse(file);
        NodeList all = doc.getElementsByTagName("*");
        for (int i = 0; i < all.getLength(); i++) {
            Element e = (Element) all.item(i);
            if (e.hasAttribute("Id")) {
                e.setIdAttribute("Id", true);
            }
        }
        NodeList signatures = doc.getElementsByTagNameNS(Constants.SignatureSpecNS, "Signature");
        for (int i = 0; i < signatures.getLength(); i++) {
            var s = new XMLSignature((Element) signatures.item(i), file.toURI().toString(), false);
            // The file beside a detached signature is the only thing that it may name.
            s.addResourceResolver(new org.apache.xml.security.utils.resolver.implementations.ResolverLocalFilesystem());
            List<X509Certificate> certs = new ArrayList<>();
            for (int d = 0; d < s.getKeyInfo().lengthX509Data(); d++) {
                var data = s.getKeyInfo().itemX509Data(d);
                for (int c = 0; c < data.lengthCertificate(); c++) {
                    certs.add(data.itemCertificate(c).getX509Certificate());
                }
            }
            if (!s.checkSignatureValue(certs.get(0))) {
                throw new SecurityException("the signature is not valid");
            }
            path(certs.get(0), certs);
            found++;
        }
    }
}
